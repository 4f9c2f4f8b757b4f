-- Since when so many orders, payments and items have refused events that the endpoint will soon pause; NULL: it will not.
ALTER TABLE webhooks ADD COLUMN near_limit_since INTEGER;
