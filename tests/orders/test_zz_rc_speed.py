import time, cProfile, pstats
from orders.models import ChainEntry
from orders.services.verifying import chain_findings
from tenants.scope import tenant_scope
from tests.orders.till import *
def test_speed(till, goods, shop):
    p = goods("1.00", stock="100000"); q = goods("2.00", stock="100000")
    o = None
    for _ in range(500):
        o = till.sold(line(p), line(q), payments=[cash("3.00")])
    for prof in (False, True):
        t = time.perf_counter(); c = time.process_time()
        with tenant_scope(shop):
            assert list(chain_findings()) == []
            n = ChainEntry.objects.count()
        s = time.perf_counter() - t; c = time.process_time() - c
        print("\nSPEED", n, s, c, n / s, n / c)
    r = till.get(f"orders/{o['id']}/receipt/", {"format": "pdf"})
    open("/tmp/rc_receipt.pdf", "wb").write(r.content)
