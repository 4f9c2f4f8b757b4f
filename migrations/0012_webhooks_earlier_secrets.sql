-- JSON list of {secret, until_ms}, the newest first: the secrets before previous_secret that sign until then.
ALTER TABLE webhooks ADD COLUMN earlier_secrets TEXT NOT NULL DEFAULT '[]';
