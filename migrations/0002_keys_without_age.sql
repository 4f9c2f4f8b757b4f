-- The index was a row for every order with a key, and a second one to delete; housekeeping walks the
-- table instead, whose rows it may read a thousand times for the price of writing one.
DROP INDEX idempotency_keys_by_age;
