"""ThingSpace, Verizon's platform, as the reconciler talks to it. Nothing else imports an HTTP client.

`talk` holds the plain types that others code against, `client` the conversation itself.
"""
