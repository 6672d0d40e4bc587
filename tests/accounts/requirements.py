"""What the house promises about people and log-ins, by number, and which tests hold it to that.

A to E are five services that Till takes the place of; it does what they did, without their holes.
What is no test is a file that is there.
"""

POINT_OF_SALE = {
    "A1": ("test_ids_tell_nobody_how_many_people_there_are", "test_everybody_sees_himself"),
    "A2": ("test_somebody_of_a_shop_has_one_of_three_roles_and_no_rights_beyond",),
    "A3": ("test_who_may_manage_whom", "test_nobody_manages_himself"),
    "A4": ("test_a_role_goes_to_its_limit_and_no_step_further",),
    "A5": ("test_who_may_sell_and_who_may_see_the_staff",),
    "A6": ("test_attack_049_whoever_is_let_go_is_out_at_once", "test_attack_086_twice_is_once"),
    "A7": ("test_whoever_comes_back_logs_in_anew",),
    "A8": ("test_attack_051_a_promotion_ends_every_session", "test_who_may_change_whose_role"),
    "A9": ("test_attack_084_an_address_is_an_address",),
    "A10": (
        "test_a_password_is_as_long_as_the_role_asks",
        "test_there_are_no_rules_of_composition",
    ),
    "A11": ("test_attack_049_059_who_is_gone_gets_nothing_more",),
    "A12": ("test_attack_035_no_door_opens_without_a_token", "test_managers_hire_cashiers_only"),
    "A13": ("test_attack_083_a_name_of_another_shop_is_free",),
    "A14": ("test_attack_001_the_right_password_opens_a_session",),
    "A15": ("test_argon2id_with_the_cost_that_owasp_asks_for",),
    "A16": ("test_attack_044_048_each_claim_is_needed",),
    "A17": ("test_each_log_in_is_a_session_of_its_own", "test_no_token_lies_in_the_database"),
    "A18": ("test_verify_tells_whose_a_token_is", "test_a_change_of_the_person_ends_the_token"),
    "A19": ("test_attack_050_the_demoted_have_no_more_rights_after_the_next_log_in",),
    "A20": ("test_a_page_size_is_a_number_up_to_200", "test_a_scope_shows_its_own_people_only"),
    "A21": ("test_when_it_stops_counting_goes_on_in_the_database_and_comes_back_later",),
    "A22": ("test_every_refusal_has_its_status_and_its_code",),
    "A23": ("test_attack_036_any_other_header_is_a_refusal_and_never_anonymous",),
    "A24": ("test_attack_087_nobody_is_shown_with_a_secret", "test_an_answer_shows_no_secrets"),
    "A25": ("test_who_may_manage_whom", "test_a_manager_edits_a_cashier"),
    "A26": ("pyproject.toml", "test_only_strict_serializers_read_requests"),
    "A27": ("test_till_does_not_start_without_any_key", "test_till_does_not_start_with_a_bad_ring"),
}

SERVICE_LAYER = {
    "B1": ("test_attack_075_what_is_not_offered_cannot_be_set",),
    "B2": ("test_no_addresses_are_not_the_same_address",),
    "B3": ("test_attack_012_a_password_has_128_characters_at_most",),
    "B4": ("test_unless_it_is_allowed_nobody_signs_up", "test_cashiers_hire_nobody"),
    "B5": ("test_attack_029_the_form_answers_in_the_words_of_oauth",),
    "B6": ("test_whoever_is_edited_stays_logged_in",),
    "B7": (
        "test_promise_b7_the_next_number_is_the_first_that_is_free",
        "test_a_password_is_no_argument",
    ),
    "B8": ("test_one_shop_is_listed", "test_programs_get_everything_but_secrets"),
    "B9": ("test_a_new_shop_has_its_admin_and_nothing_else",),
    "B10": ("test_a_new_user_has_a_temporary_password",),
    "B11": ("test_till_does_not_start_without_any_key", ".env.example"),
    "B12": ("test_who_asks_is_found_in_one_statement",),
}

SESSIONS = {
    "C1": ("test_the_root_leads_to_the_docs",),
    "C2": ("test_live_asks_nobody", "test_ready_when_database_cache_and_migrations_are"),
    "C3": ("test_who_is_logged_in_signs_nobody_up",),
    "C4": ("tests/accounts/passwords/test_peppers.py",),
    "C5": ("test_who_is_logged_in_may_log_in_again",),
    "C6": ("test_attack_068_no_session_lasts_longer_than_a_shift_however_it_is_used",),
    "C7": ("test_an_ended_session_ends_its_tokens",),
    "C8": ("test_without_the_present_password_nothing_changes", "test_a_new_password_must_be_one"),
    "C9": ("test_attack_053_both_tokens_are_dead_at_once",),
    "C10": ("test_who_may_hire_whom", "test_admins_hire_anybody"),
    "C11": ("test_managers_and_admins_see_everybody_of_the_shop",),
    "C12": ("test_a_reset_shows_a_password_that_must_be_replaced",),
    "C13": ("test_attack_051_a_promotion_ends_every_session",),
    "C14": ("test_attack_072_somebody_elsewhere_is_like_nobody",),
    "C15": ("test_the_last_one_stays_though_the_platform_itself_asks",),
    "C16": ("test_attack_176_a_route_asks_the_model_who_may",),
    "C17": ("test_every_device_is_out_and_may_come_in_again",),
    "C18": ("test_a_role_in_a_token_is_not_believed",),
    "C19": ("test_ids_tell_nobody_how_many_people_there_are",),
    "C20": (".env.example", "config/settings.py"),
    "C21": ("Makefile",),
    "C22": ("tests/architecture/test_schema.py",),
    "C23": ("test_a_page_is_one_query_that_neither_counts_nor_skips",),
    "C24": ("test_attack_083_of_several_who_take_a_name_at_once_one_gets_it",),
}

AUTH_SERVICE = {
    "D1": ("test_a_refresh_gives_the_next_pair",),
    "D2": ("test_a_manager_edits_a_cashier",),
    "D3": ("test_health_tells_nothing_of_the_inside",),
    "D4": ("test_promise_d4_either_token_ends_the_session_for_both",),
    "D5": ("test_each_role_holds_those_before_it_and_only_while_active_in_a_shop",),
    "D6": ("test_no_token_lies_in_the_database",),
    "D7": ("test_attack_018_after_five_guesses_everybody_waits_also_with_the_right_password",),
    "D8": ("test_attack_176_a_call_is_open_to_whom_the_table_says",),
    "D9": ("test_a_new_shop_can_sell_and_its_admin_has_a_temporary_password",),
    "D10": ("test_three_steps_replace_a_key",),
    "D11": (".env.example", "test_no_migration_is_missing"),
    "D12": ("test_every_refusal_has_its_status_and_its_code",),
    "D13": ("test_in_production_each_line_is_json", "test_secrets_are_not_written"),
    "D14": ("test_attack_084_an_address_is_an_address", "test_a_username_is_plain"),
    "D15": ("tests/accounts/users/test_roles.py", "tests/accounts/users/test_api.py"),
}

TUTORIAL = {
    "E1": ("README.md", "test_attack_176_the_table_has_a_line_for_every_call_and_no_other"),
    "E2": ("test_the_list_holds_what_was_asked_for",),
    "E3": ("test_an_answer_of_a_model_can_never_be_written_through",),
    "E4": (".env.example",),
    "E5": ("test_programs_get_everything_but_secrets",),
    "E6": ("test_a_password_comes_by_three_ways_and_is_not_printed",),
    "E7": ("test_attack_002_003_006_033_every_no_is_the_same_to_the_byte",),
    "E8": ("test_an_access_token_lasts_ten_minutes_and_the_seconds_that_clocks_differ",),
    "E9": ("test_attack_049_059_who_is_gone_gets_nothing_more",),
    "E10": ("test_an_unexpected_exception_is_no_refusal",),
    "E11": ("test_a_view_is_closed_unless_it_says_otherwise",),
    "E12": ("test_the_page_needs_no_outside_host_and_no_inline_script",),
}

PROMISES = POINT_OF_SALE | SERVICE_LAYER | SESSIONS | AUTH_SERVICE | TUTORIAL
