"""An SMTP server that keeps what it takes: smtp_sink.py PORT FOLDER.

Each message is a file of FOLDER, named by its number; the first line is its envelope as JSON. How a recipient's address
begins says how the server behaves:

  busy-     450 to the first two RCPT
  nobody-   550 to every RCPT: no such address
  policy-   550 to every RCPT: the server does not want it
  full-     452 after the text, once; nothing is kept then
  spam-     554 after the text; nothing is kept
  hang-     the text is kept, and no reply comes

While FOLDER holds a file called closed, every MAIL is answered 550; while it holds one called utf8, SMTPUTF8 is offered.
"""

import asyncio
import json
import pathlib
import sys

from aiosmtpd.smtp import SMTP


class Sink:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.seen = {}

    def times(self, what):
        self.seen[what] = self.seen.get(what, 0) + 1
        return self.seen[what]

    async def handle_MAIL(self, server, session, envelope, address, options):
        if (self.folder / "closed").exists():
            return "550 5.7.1 closed"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("busy-") and self.times(("rcpt", address)) <= 2:
            return f"450 4.2.1 <{address}> is busy"
        if address.startswith("nobody-"):
            return f"550 5.1.1 <{address}> is unknown"
        if address.startswith("policy-"):
            return "550 5.7.1 not from you"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        address = envelope.rcpt_tos[0]
        if address.startswith("full-") and self.times(("data", address)) <= 1:
            return "452 4.3.1 no room"
        if address.startswith("spam-"):
            return "554 5.7.1 not wanted"
        number = self.times("mail")
        head = json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos})
        draft = self.folder / f".{number}"
        draft.write_bytes(head.encode() + b"\n" + envelope.content)
        draft.rename(self.folder / str(number))
        if address.startswith("hang-"):
            await asyncio.sleep(3600)
        return "250 OK"


async def main(port, folder):
    sink = Sink(folder)
    loop = asyncio.get_running_loop()

    def talk():
        return SMTP(sink, hostname="sink.example", enable_SMTPUTF8=(sink.folder / "utf8").exists())

    server = await loop.create_server(talk, "127.0.0.1", int(port))
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
