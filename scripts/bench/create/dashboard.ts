import { type IncomingHttpHeaders, request } from 'node:http';
import { platformHost } from '../../fleet/router.ts';

interface PageAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A page with a form that was opened, to be sent. */
export interface OpenForm {
  /** @throws Error where it is refused */
  submit(path: string, fields: Readonly<Record<string, string>>): Promise<PageAnswer>;
}

/** The local fleet's dashboard as a browser sees it: by its host name, with a cookie, by forms. */
export class Dashboard {
  readonly #port: number;
  #cookie = '';

  /** @param port the fleet's */
  constructor(port: number) {
    this.#port = port;
  }

  /** Whether it is up. */
  async answers(): Promise<boolean> {
    return (await this.#send('GET', '/sign-in')).status === 200;
  }

  /** Signs somebody in by the link that the page shows where no mail leaves the machine. */
  async signIn(email: string): Promise<void> {
    const asked = await (await this.openForm('/sign-in')).submit('/sign-in', { email });
    const link = /\/sign-in\/[A-Za-z0-9_-]+/.exec(asked.text)?.[0];
    if (link === undefined) throw new Error(`expected a link to sign in for ${email}; got ${asked.status}`);
    await (await this.openForm(link)).submit(link, {});
  }

  /** Opens a page with a form. */
  async openForm(path: string): Promise<OpenForm> {
    const { text, status } = await this.#send('GET', path);
    const token = /name="_csrf" value="([^"]+)"/.exec(text)?.[1];
    if (token === undefined) throw new Error(`${path}: expected a form; got ${status}`);
    return {
      submit: async (to, fields) => {
        const answer = await this.#send('POST', to, new URLSearchParams({ ...fields, _csrf: token }).toString());
        if (answer.status >= 400) throw new Error(`${to}: expected to be taken; got ${answer.status}`);
        return answer;
      },
    };
  }

  #send(method: 'GET' | 'POST', path: string, body = ''): Promise<PageAnswer> {
    const form = method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {};
    const headers = { host: `${platformHost}:${this.#port}`, cookie: this.#cookie, ...form };
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: this.#port, method, path, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          this.#cookie = response.headers['set-cookie']?.[0]?.split(';')[0] ?? this.#cookie;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        });
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }
}
