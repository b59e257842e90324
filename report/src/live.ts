// Newer data from the server that serves the page while training runs.
import type { ReportData } from '../../src/report/data.js';

export type LiveState = 'connecting' | 'live' | 'disconnected' | 'finished';

const retryMilliseconds = 3000;

interface LiveMessage {
  readonly type: string;
  readonly data: ReportData;
}

/** Calls `apply` with each new state of the report until one says that training has ended. */
export function listen(apply: (data: ReportData) => void, tell: (state: LiveState) => void): void {
  const source = new EventSource('events');
  tell('connecting');
  source.onopen = () => tell('live');
  source.onerror = () => {
    tell('disconnected');
    // The browser tries again by itself, except where it got an answer that is no stream.
    if (source.readyState !== EventSource.CLOSED) return;
    window.setTimeout(() => listen(apply, tell), retryMilliseconds);
  };
  source.onmessage = ({ data }) => {
    const message = read(data);
    if (message?.type !== 'data') return;
    apply(message.data);
    if (message.data.live) return tell('live');
    source.close();
    tell('finished');
  };
}

function read(text: string): LiveMessage | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
