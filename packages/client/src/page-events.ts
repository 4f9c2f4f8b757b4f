/** The events of a browser's page that say something of the network. None elsewhere. */

interface Page {
  document?: { visibilityState: string } & EventSource;
  navigator?: { onLine?: boolean };
}
interface EventSource {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

const page = globalThis as unknown as Page & EventSource;

/** Whether the browser says that there is no network. */
export const isOffline = (): boolean => page.navigator?.onLine === false;

interface Listeners {
  wake: () => void;
  offline: () => void;
}

/** Calls these when the page comes back, or the network comes or goes. Returns how to stop. */
export function onPageEvents({ wake, offline }: Listeners): () => void {
  const { document } = page;
  if (document === undefined) return () => undefined;
  const shown = () => document.visibilityState === "visible" && wake();
  page.addEventListener("online", wake);
  page.addEventListener("offline", offline);
  document.addEventListener("visibilitychange", shown);
  return () => {
    page.removeEventListener("online", wake);
    page.removeEventListener("offline", offline);
    document.removeEventListener("visibilitychange", shown);
  };
}
