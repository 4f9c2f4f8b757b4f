/**
 * Secrets that a deployment may do without. `wrangler types` writes down only required ones, and a
 * required secret would refuse the deployment of a Worker that verifies tokens by a key set alone.
 */
interface OrdersEnv {
  AUTH_SECRET?: string;
  AUTH_SECRET_PREVIOUS?: string;
  /** Signing secrets of Stripe's webhook endpoint, several by commas. Without it there is no such endpoint. */
  STRIPE_WEBHOOK_SECRET?: string;
  /** Secret key of the Turnstile widget that TURNSTILE_SITE_KEY names; neither without the other. */
  TURNSTILE_SECRET?: string;
}
