/**
 * Whether a request goes to this machine. On the platform no request can claim that, since its host
 * is that of a route or of workers.dev. A local run that others can reach needs its own secret.
 */
export const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname === "127.0.0.1" ||
  hostname === "[::1]";
