"""PostgreSQL backend with row-level security as a second barrier between tenants.

Policies restrict rows to the current tenant (`policies`), the connection passes the current tenant
to PostgreSQL (`base`), and the serving role can change neither tables nor policies (`roles`).
"""
