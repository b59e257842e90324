// The report while a training runs: its page on this machine alone, and news of every epoch as server-sent events.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OcellusError } from '../core/errors.js';
import type { ReportData } from './data.js';
import { renderReport } from './html.js';

/** Browsers that may listen at the same time, and bytes that one of them may lag behind before it is let go. */
const mostListeners = 16;
const mostBehind = 2 ** 24;
const address = '127.0.0.1';
/** Milliseconds that the last news have to get through. */
const patience = 1000;

export class LiveReport {
  private readonly listeners = new Set<ServerResponse>();
  private port = 0;

  private constructor(
    private readonly server: Server,
    private data: ReportData,
  ) {}

  /**
   * Serves the page until it is closed.
   *
   * @param port 0: any that is free
   * @throws OcellusError ERR_OCELLUS_DATA when the port cannot be had | ERR_OCELLUS_STATE when the page was not built
   */
  static async start(data: ReportData, port = 0): Promise<LiveReport> {
    await renderReport(data);
    const server = createServer({ keepAliveTimeout: 1000 });
    server.maxConnections = 4 * mostListeners;
    const live = new LiveReport(server, data);
    server.on('request', (request, response) => live.answer(request, response));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, resolve);
    }).catch((cause: NodeJS.ErrnoException) => {
      throw new OcellusError('ERR_OCELLUS_DATA', {
        where: 'live report',
        expected: `port ${port} of ${address} to be free`,
        got: cause.message,
        help: '--port names another one; 0: any that is free',
        cause,
      });
    });
    live.port = (server.address() as AddressInfo).port;
    return live;
  }

  get url(): string {
    return `http://${address}:${this.port}/`;
  }

  /** Tells everybody who listens. */
  update(data: ReportData): void {
    this.data = data;
    for (const listener of this.listeners) {
      if (listener.writableLength > mostBehind) listener.destroy();
      else listener.write(eventOf(data));
    }
  }

  /** Tells that the training has ended, and closes. Pages that are open stay as they are. */
  async close(last: ReportData = this.data): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    const event = eventOf({ ...last, live: false });
    const told = [...this.listeners].map((one) => new Promise<void>((resolve) => void one.end(event, resolve)));
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience);
    });
    await Promise.race([Promise.all(told), waited]);
    clearTimeout(timer);
    this.server.closeAllConnections();
    await closed;
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    // A page of somebody else's site may resolve its own name to this machine (DNS rebinding): it is not to read this.
    const hosts = [address, 'localhost'].map((host) => `${host}:${this.port}`);
    const path = (request.url ?? '').split('?', 1)[0];
    if (!hosts.includes(request.headers.host ?? '')) refuse(response, 403, 'This address is not served here.');
    else if (request.method !== 'GET') refuse(response, 405, 'Only GET.');
    else if (path === '/') void this.sendPage(response);
    else if (path !== '/events') refuse(response, 404, 'Not found.');
    else if (this.listeners.size >= mostListeners) refuse(response, 503, 'Too many listen already.');
    else this.listen(response);
  }

  private async sendPage(response: ServerResponse): Promise<void> {
    try {
      const html = await renderReport(this.data);
      response.writeHead(200, { ...headers, 'content-type': 'text/html; charset=utf-8' }).end(html);
    } catch (error) {
      refuse(response, 500, error instanceof Error ? error.message : String(error));
    }
  }

  private listen(response: ServerResponse): void {
    this.listeners.add(response);
    response.on('error', () => undefined).on('close', () => this.listeners.delete(response));
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });
    response.write(eventOf(this.data));
  }
}

const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };

const eventOf = (data: ReportData): string => `data: ${JSON.stringify({ type: 'data', data })}\n\n`;

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...headers, 'content-type': 'text/plain', connection: 'close' }).end(text);
}
