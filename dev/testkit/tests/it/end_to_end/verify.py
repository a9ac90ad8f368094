"""Checks a webhook as a receiver does, by the library of the Standard Webhooks specification.

Arguments: the secret, webhook-id, webhook-timestamp, webhook-signature. The body comes on standard input.
"""

import sys

from standardwebhooks import Webhook

secret, *headers = sys.argv[1:]
names = ["webhook-id", "webhook-timestamp", "webhook-signature"]
print(Webhook(secret).verify(sys.stdin.read(), dict(zip(names, headers)))["type"])
