"""The other half of ThingSpace: the API that is asked, and the cards that do what was asked of them."""
