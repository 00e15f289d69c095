"""The link tables: schema, migrations, store; and the embedded PostgreSQL that carries them by default."""
