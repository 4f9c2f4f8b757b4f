/**
 * Secrets that a deployment may do without. `wrangler types` writes down only required ones, and a
 * required secret would refuse the deployment of a Worker that verifies tokens by a key set alone.
 */
interface OrdersEnv {
  AUTH_SECRET?: string;
  AUTH_SECRET_PREVIOUS?: string;
}
