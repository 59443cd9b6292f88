"""How a project is kept in its database: tables, transactions, migrations, all statements."""
