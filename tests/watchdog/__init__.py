"""How long a consumer that fetches nothing stays unnoticed: the real program, the limits of production."""
