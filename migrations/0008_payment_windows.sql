-- How long a confirmed order of the item waits for its payment, in milliseconds; 0: for ever, NULL: as
-- long as PAYMENT_WINDOW_SECONDS says.
ALTER TABLE items ADD COLUMN payment_window_ms INTEGER;
-- The order's own, decided when it was placed; NULL: none of its items had one of its own.
ALTER TABLE orders ADD COLUMN payment_window_ms INTEGER;
