import { createServer, type Socket } from 'node:net';

/** A message as it was delivered. */
export interface CaughtMail {
  /** Addresses of the envelope. */
  readonly to: readonly string[];
  /** Headers and body, lines joined by `\n`, soft line breaks of quoted-printable undone. */
  readonly text: string;
}

/** A mail server that takes every message and delivers none. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** What has come so far, the oldest first. */
  readonly mails: readonly CaughtMail[];
  stop(): Promise<void>;
}

/** Starts one on a free port of an address; it speaks as much of RFC 5321 as nodemailer asks for, without TLS. */
export function startMailServer(host: string): Promise<MailServer> {
  const mails: CaughtMail[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Who hangs up in the middle of a message has delivered none.
    socket.on('error', () => socket.destroy());
    converse(socket, (mail) => mails.push(mail));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const stop = () =>
        new Promise<void>((stopped) => {
          server.close(() => stopped());
          for (const socket of sockets) socket.destroy();
        });
      resolve({ host, port, mails, stop });
    });
  });
}

/**
 * The link in the latest message to an address that has one.
 *
 * @param start what the link begins with
 * @throws Error where there is none yet
 */
export function linkIn(mails: readonly CaughtMail[], address: string, start: string): string {
  const links = mails.flatMap(({ to, text }) =>
    to.includes(address) ? (text.match(/https?:\/\/\S+/g) ?? []).filter((link) => link.startsWith(start)) : [],
  );
  const latest = links.at(-1);
  if (latest === undefined) throw new Error(`no link ${start}… was mailed to ${address}`);
  return latest;
}

/** What stands in a header of a message; empty where it has none of that name. */
export function headerOf({ text }: CaughtMail, name: string): string {
  const headers = text.slice(0, text.indexOf('\n\n')).split('\n');
  return headers.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
}

function converse(socket: Socket, deliver: (mail: CaughtMail) => void): void {
  let to: string[] = [];
  let lines: string[] | undefined;
  let rest = '';
  const say = (line: string) => socket.write(`${line}\r\n`);
  const take = (line: string) => {
    if (lines !== undefined) {
      if (line !== '.') return void lines.push(line.replace(/^\./, ''));
      deliver({ to, text: lines.join('\n').replaceAll('=\n', '').replaceAll('=3D', '=') });
      [to, lines] = [[], undefined];
      return say('250 taken');
    }
    const [, recipient] = /^RCPT TO:<([^>]*)>/i.exec(line) ?? [];
    if (recipient !== undefined) to.push(recipient);
    if (/^DATA$/i.test(line)) {
      lines = [];
      return say('354 go on');
    }
    if (!/^QUIT$/i.test(line)) return say('250 yes');
    say('221 bye');
    return socket.end();
  };
  say('220 mail server of a test');
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const received = `${rest}${chunk}`.split('\r\n');
    rest = received.pop() ?? '';
    for (const line of received) take(line);
  });
}
