/**
 * Secrets that a deployment may do without. `wrangler types` writes down only required ones, and a
 * required secret would refuse the deployment of a Worker that verifies tokens by a key set alone.
 */
interface OrdersEnv {
  AUTH_SECRET?: string;
  AUTH_SECRET_PREVIOUS?: string;
  /** Signing secrets of Stripe's webhook endpoint, several by commas. Without it there is no such endpoint. */
  STRIPE_WEBHOOK_SECRET?: string;
}
