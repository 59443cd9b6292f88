"""How a project is kept on disk: tables, transactions, migrations, files that appear whole."""
