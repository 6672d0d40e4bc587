"""Joins between rows of shops stay inside the shop, as on PostgreSQL."""

from django.db.models.sql import compiler

from tenants.database.joins import DeletesInShop, JoinsInShop


class SQLCompiler(JoinsInShop, compiler.SQLCompiler):
    pass


class SQLInsertCompiler(JoinsInShop, compiler.SQLInsertCompiler):
    pass


class SQLDeleteCompiler(DeletesInShop, JoinsInShop, compiler.SQLDeleteCompiler):
    pass


class SQLUpdateCompiler(JoinsInShop, compiler.SQLUpdateCompiler):
    pass


class SQLAggregateCompiler(JoinsInShop, compiler.SQLAggregateCompiler):
    pass
