"""The parts of the bench that compute: statistics, parsers, the script of pgbench, the tables."""

from pathlib import Path

import pytest

from tests.support.postgres import Installation
from tests.tools.bench.__main__ import describe_command, parse
from tests.tools.bench.cluster import KeptInstallation
from tests.tools.bench.database_limit import (
    choose,
    parse_times,
    put_variables,
    split_statements,
    write_prepared,
    write_simple,
)
from tests.tools.bench.load import Window, parse_result
from tests.tools.bench.machine import Sample, count_foreign_cores, parse_busy
from tests.tools.bench.measurements import Name, Ratio, Results, measure
from tests.tools.bench.processes import TICKS, parse_ticks
from tests.tools.bench.programs import DidNotWork
from tests.tools.bench.report import (
    Table,
    build_cpu,
    build_rates,
    build_ratios,
    describe_foreign_load,
    replace_section,
)
from tests.tools.bench.requests import IN_FLIGHT, PAID_LATER, BenchData, PaidLater, line
from tests.tools.bench.statements import Logged, group_messages, statements_in

pytestmark = pytest.mark.once
OURS, THEIRS = Name("sale", "Till"), Name("sale", "peer")
PERSON = "01900000-0000-7004-8000-100000000006"
DATA = BenchData(500, [f"token-{person}" for person in range(200)])


def window(requests, **values):
    return Window(requests, 2.0, **values)


def results(**windows):
    return Results({Name("sale", server): found for server, found in windows.items()})


# --- What load generators write -------------------------------------------------------------


def test_result_line_of_wrk_is_parsed():
    output = "Running 3s test\n  1 threads\nRESULT 1200 3.001000 12.500 40.250 2 1\n"

    found = parse_result(output)

    assert found == Window(1200, 3.001, 12.5, 40.25, refused=2, broken=1)
    assert found.rate == pytest.approx(399.87, abs=0.01)
    assert found.errors == 3


def test_output_without_a_result_line_is_refused():
    with pytest.raises(DidNotWork, match="unable to connect"):
        parse_result("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_log_of_pgbench_is_parsed():
    lines = ["0 1 2000 0 1700000000 1", "0 2 4000 0 1700000000 2", "1 1 failed 0 1700000000 3"]

    found = parse_times(lines, 2)

    assert (found.requests, found.refused, found.rate) == (2, 1, 1.0)
    assert 2 <= found.p50 <= 4


def test_log_of_pgbench_with_one_transaction_is_refused():
    with pytest.raises(DidNotWork, match="less than two"):
        parse_times(["0 1 2000 0 1700000000 1"], 2)


# --- Processor time -------------------------------------------------------------------------


def test_processor_time_includes_children_that_have_ended():
    fields = " ".join(str(number) for number in range(3, 30))

    assert parse_ticks(f"42 (a name) with) S {fields}\n") == [13, 14, 15, 16]


def test_processor_time_of_an_ended_process_is_empty():
    assert parse_ticks("") == []


def test_busy_time_excludes_idle_and_disk_wait_time():
    stat = "cpu  100 10 50 9000 700 5 5 30 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"

    assert parse_busy(stat) == 200 / TICKS


def test_foreign_cores_exclude_the_processor_time_of_the_bench():
    before, after = Sample(10.0, 100.0, 50.0), Sample(14.0, 107.0, 53.0)

    assert count_foreign_cores(before, after) == 1.0
    assert count_foreign_cores(after, after) == 0.0


def test_processor_time_is_counted_for_each_request():
    found = window(100, web_cpu=0.5, database_cpu=0.2)

    assert (found.web_milliseconds, found.database_milliseconds) == (5.0, 2.0)
    assert window(0, web_cpu=0.5).web_milliseconds == 0


# --- Statistics -----------------------------------------------------------------------------


def test_ratio_compares_windows_of_the_same_round():
    found = results(Till=[window(100), window(300)], peer=[window(50), window(100)])

    assert found.ratios(Ratio(OURS, THEIRS, 2)) == [2.0, 3.0]


def test_ratio_excludes_rounds_without_answers():
    found = results(Till=[window(100), window(300)], peer=[window(0), window(100)])

    assert found.ratios(Ratio(OURS, THEIRS, 2)) == [3.0]
    nothing = results(Till=[window(100)], peer=[window(0)])
    assert nothing.known([Ratio(OURS, THEIRS, 2)]) == []


def test_ratio_with_an_unmeasured_subject_is_omitted():
    assert results(Till=[window(100)]).known([Ratio(OURS, THEIRS, 2)]) == []


class Counted:
    """Answers as many requests as it was asked before."""

    name = OURS

    def __init__(self, log):
        self.log = log

    def measure(self):
        self.log.append(self)
        return window(len(self.log), refused=1)


def test_rounds_are_interleaved_and_the_first_one_is_not_counted():
    log = []
    first, second = Counted(log), Counted(log)

    found = measure([first, second], rounds=2)

    assert log == [first, second] * 3
    assert [each.requests for each in found.windows[OURS]] == [3, 4, 5, 6]
    assert found.errors == 6


# --- Tables ---------------------------------------------------------------------------------


def test_ratio_row_contains_median_range_and_target_result():
    found = results(
        Till=[window(100), window(150), window(130)], peer=[window(100), window(100), window(100)]
    )

    [row] = build_ratios(found, [Ratio(OURS, THEIRS, 1.3)]).rows

    assert row == ("sale", "Till", "peer", "1.30", "1.00 to 1.50", "", "1.3", "yes")
    [row] = build_ratios(found, [Ratio(OURS, THEIRS, 1.31)]).rows
    assert row[-1] == "no"


def test_ratio_row_contains_the_ratio_of_processor_time():
    found = results(
        Till=[window(100, web_cpu=0.1, database_cpu=0.1)], peer=[window(200, web_cpu=0.6)]
    )

    [row] = build_ratios(found, [Ratio(OURS, THEIRS, 1.3)]).rows

    assert row[3:] == ("0.50", "0.50 to 0.50", "1.50", "1.3", "no")


def test_ratio_row_names_a_different_call_of_the_peer():
    found = Results({Name("sale by key", "Till"): [window(1)], THEIRS: [window(1)]})

    [row] = build_ratios(found, [Ratio(Name("sale by key", "Till"), THEIRS, 1)]).rows

    assert row[:3] == ("sale by key", "Till", "peer: sale")


def test_rates_and_processor_time_have_a_row_for_each_subject():
    found = results(
        Till=[window(1000, p50=8.0, p99=20.5, web_cpu=2.0, database_cpu=1.0)], hash=[window(60)]
    )

    assert list(build_rates(found).rows) == [
        ("sale", "Till", "500", "500 to 500", "8.0", "20.5"),
        ("sale", "hash", "30", "30 to 30", "", ""),
    ]
    assert list(build_cpu(found).rows) == [("sale", "Till", "2.00", "1.00", "3.00")]


def test_table_is_formatted_as_text_and_markdown():
    table = Table(("call", "ratio"), [("sale", "1.25"), ("a longer call", "10.00")])

    assert table.as_text().splitlines() == [
        "call           ratio",
        "sale            1.25",
        "a longer call  10.00",
    ]
    assert table.as_markdown().splitlines() == [
        "| call | ratio |",
        "| --- | ---: |",
        "| sale | 1.25 |",
        "| a longer call | 10.00 |",
    ]


def test_foreign_load_is_described_with_median_and_range():
    found = results(Till=[window(1, foreign=0.5), window(1, foreign=0.1), window(1, foreign=1.5)])

    assert describe_foreign_load(found) == (
        "other programs kept 0.50 cores busy meanwhile (0.10 to 1.50)"
    )


def test_section_replaces_the_section_with_the_same_title():
    page = "# Performance\n\nText.\n\n## Requests\n\nold\n\n## Memory\n\n70 MiB\n"

    page = replace_section(page, "Requests", "new\n")

    assert page == "# Performance\n\nText.\n\n## Requests\n\nnew\n\n## Memory\n\n70 MiB\n"
    assert replace_section("# Page\n", "Growth", "text") == "# Page\n\n## Growth\n\ntext\n"


# --- Statements for pgbench -----------------------------------------------------------------

LOG = """\
2026-11-30 01:00:00.000 UTC [7] 3/41 LOG:  statement: SET LOCAL app.tenant = 'x'; SELECT
\t1
2026-11-30 01:00:00.001 UTC [7] 3/42 LOG:  execute sale_1: SELECT $2, $1
2026-11-30 01:00:00.001 UTC [7] 3/42 DETAIL:  Parameters: $1 = 'it''s', $2 = NULL
2026-11-30 01:00:00.002 UTC [7] 3/42 LOG:  execute <unnamed>: SELECT 2
"""


def test_statements_of_the_log_have_their_parameters():
    assert list(statements_in(LOG)) == [
        Logged("3/41", "SET LOCAL app.tenant = 'x'; SELECT\n1"),
        Logged("3/42", "SELECT NULL, 'it''s'", is_extended=True),
        Logged("3/42", "SELECT 2", is_extended=True),
    ]


def test_statements_of_one_transaction_without_begin_are_one_message():
    logged = [Logged("3/1", "SELECT 1"), Logged("3/2", "SELECT 2"), Logged("3/2", "SELECT 3")]

    assert group_messages(logged) == [["SELECT 1"], ["SELECT 2", "SELECT 3"]]


def test_statements_of_a_transaction_with_begin_are_messages_of_their_own():
    logged = [Logged("3/1", "BEGIN"), Logged("3/1", "SELECT 2"), Logged("3/1", "COMMIT")]

    assert group_messages(logged) == [["BEGIN"], ["SELECT 2"], ["COMMIT"]]


def test_prepared_statements_between_begin_and_commit_are_two_messages():
    texts = ["BEGIN", "SELECT 1", "INSERT 2", "UPDATE 3", "COMMIT"]

    found = group_messages([Logged("3/1", text, is_extended=True) for text in texts])

    assert found == [["BEGIN", "SELECT 1"], ["INSERT 2", "UPDATE 3", "COMMIT"]]


def test_semicolons_within_quotes_do_not_split_statements():
    assert split_statements("""SELECT ';', E'\\';', ";a" ; SELECT 2;""") == [
        """SELECT ';', E'\\';', ";a\"""",
        "SELECT 2",
    ]


def put(statement, number="1-000007", receipt=7000):
    [[found]] = put_variables([[statement]], {"number": number, "receipt_number": receipt})
    return found


def test_ids_and_numbers_become_variables():
    assert put(f"SELECT '{PERSON}'::uuid") == "SELECT '01900000-0000-7004-8000-:v_person'::uuid"
    assert put("SELECT 7000") == "SELECT :v_number"
    new = "01a22a1d-50ad-7045-b810-692245d2427f"
    assert put(f"SELECT '{new}'") == "SELECT ':v_serial-0000-7000-8:v_client-000000000000'"


def test_colon_within_quotes_starts_no_variable():
    assert put("""SELECT '{"shift":null,"n":7000}', 1::int""") == (
        """SELECT '{"shift": null,"n": :v_number}', 1::int"""
    )


def test_simple_statements_of_one_message_are_joined():
    assert write_simple(["SELECT 1", "SELECT ':v_shop'"]) == r"SELECT 1 \; SELECT ':v_shop';"


def find_types(statement, number):
    asked.append(statement)
    return ["uuid", "bigint"][:number]


asked: list[str] = []


def test_prepared_values_are_expressions_of_the_type_that_the_database_names():
    asked.clear()

    script = write_prepared(["SELECT 'a-:v_shop-b', :v_number, 'kept'"], find_types)

    assert asked == ["SELECT $1, $2, 'kept'"]
    assert script == (
        "SELECT (('a-' || :v_shop::text || '-b')::uuid), (:v_number::text::bigint), 'kept';"
    )


def test_prepared_statements_of_one_message_are_one_pipeline():
    script = write_prepared(["SET LOCAL app.tenant = ':v_shop'", "SELECT 1"], find_types)

    assert script.splitlines() == [
        r"\startpipeline",
        "SELECT set_config('app.tenant', ((:v_shop::text)::uuid), true);",
        "SELECT 1;",
        r"\endpipeline",
    ]


def test_pgbench_chooses_a_till_and_five_products_of_its_shop():
    lines = choose(500)

    assert all(text.startswith(r"\set v_") for text in lines)
    assert sum("v_product_" in text for text in lines) == 5


# --- Requests and options -------------------------------------------------------------------


def test_request_line_has_the_key_before_the_body():
    assert line("POST", "/x/", "token", {"a": 1}, key="k") == 'POST\t/x/\ttoken\tk\t{"a":1}\n'


def test_open_orders_are_paid_in_the_next_window(tmp_path: Path):
    kind = PaidLater(PAID_LATER.make, PAID_LATER.is_right, once=True)
    file = tmp_path / "requests"

    assert kind.write(file, DATA, 300) == 300
    kind.count_answered(IN_FLIGHT + 2)
    opened = list(kind.opened)
    kind.write(file, DATA, 300)
    first, second, third, fourth, fifth = file.read_text().splitlines()[:5]

    assert len(opened) == 2
    assert opened[0][1] in first
    assert opened[1][1] in third
    assert "payments/" in first
    assert "payments/" in third
    assert all("payments/" not in text for text in (second, fourth, fifth))


def test_possibly_sent_payment_is_not_sent_again(tmp_path: Path):
    kind = PaidLater(PAID_LATER.make, PAID_LATER.is_right, once=True)
    kind.opened.append((3, "an-order"))
    kind.write(tmp_path / "requests", DATA, 2)

    kind.count_answered(0)
    assert kind.opened == []


def test_quick_has_little_data_and_one_round():
    quick, usual = parse(["--quick", "--seconds", "2"]), parse([])

    assert (quick.rounds, quick.seconds, quick.products) == (1, 2, 10_000)
    assert (usual.rounds, usual.seconds, usual.products) == (3, 3, 50_000)


def test_kept_installation_overrides_an_existing_method():
    assert vars(KeptInstallation).keys() & vars(Installation).keys() >= {"copy_for_account"}


def test_command_in_the_report_omits_directories():
    arguments = ["--quick", "--write", "--peer", "a/b", "--peer-same=c/d", "--only", "log-in"]

    assert describe_command(arguments) == "--quick --only log-in"
