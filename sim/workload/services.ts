/** The service that orders for a customer: its keys look like the customer's own, and are not. */
export const serviceOf = (customerId: string): string => `shop of ${customerId}`;
