"""A mail server for tests. It stores each accepted mail in a folder as NUMBER.eml, with the envelope as first headers.

Arguments: the folder; then, for TLS and authentication, a certificate and its key. It prints its port. While the
folder has a file `refuse`, the line in that file is the reply to each mail. Recipients never@ANYTHING are refused.
"""

import asyncio
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

folder = pathlib.Path(sys.argv[1])
certificate = sys.argv[2:]


class MailStore:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("never@"):
            return f"550 5.1.1 <{address}>: there is nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        refuse = folder / "refuse"
        if refuse.exists():
            return refuse.read_text().strip()
        self.count += 1
        secured = "yes" if session.ssl else "no"
        head = f"X-To: {','.join(envelope.rcpt_tos)}\r\nX-From: {envelope.mail_from}\r\nX-Tls: {secured}\r\n"
        partial = folder / "partial"
        partial.write_bytes(head.encode() + envelope.content)
        partial.rename(folder / f"{self.count:06}.eml")
        return "250 OK"


def sign_in(server, session, envelope, mechanism, credentials):
    accepted = (credentials.login, credentials.password) == (b"hearth", b"s3cret")
    return AuthResult(success=accepted, handled=accepted)


mail_store = MailStore()


def create_protocol():
    if not certificate:
        return SMTP(mail_store, hostname="mail.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return SMTP(
        mail_store,
        hostname="mail.test",
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=sign_in,
    )


async def serve():
    server = await asyncio.get_running_loop().create_server(create_protocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(serve())
