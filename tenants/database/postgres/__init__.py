"""PostgreSQL as the second wall between shops: Django's backend, with what Django leaves out.

The database itself keeps a shop's rows to the shop (`walls`), every statement says whose rows it
means (`base`), and the role that serves may neither change nor lift any of it (`roles`).
"""
