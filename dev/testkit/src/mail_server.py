"""A mail server for tests. It keeps each mail that it takes in a folder, as NUMBER.eml with the envelope before it.

Arguments: the folder; then, for TLS and signing in, a certificate and its key. It prints its port. While the folder
has a file `refuse`, it answers mail with the line in there; nobody is called never@ANYTHING.
"""

import asyncio
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

folder = pathlib.Path(sys.argv[1])
certificate = sys.argv[2:]


class Keeper:
    kept = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("never@"):
            return f"550 5.1.1 <{address}>: there is nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        refuse = folder / "refuse"
        if refuse.exists():
            return refuse.read_text().strip()
        self.kept += 1
        secured = "yes" if session.ssl else "no"
        head = f"X-To: {','.join(envelope.rcpt_tos)}\r\nX-From: {envelope.mail_from}\r\nX-Tls: {secured}\r\n"
        half = folder / "half"
        half.write_bytes(head.encode() + envelope.content)
        half.rename(folder / f"{self.kept:06}.eml")
        return "250 OK"


def sign_in(server, session, envelope, mechanism, given):
    known = (given.login, given.password) == (b"hearth", b"s3cret")
    return AuthResult(success=known, handled=known)


keeper = Keeper()


def speak():
    if not certificate:
        return SMTP(keeper, hostname="mail.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return SMTP(
        keeper,
        hostname="mail.test",
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=sign_in,
    )


async def serve():
    server = await asyncio.get_running_loop().create_server(speak, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(serve())
