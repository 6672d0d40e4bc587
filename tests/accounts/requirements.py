"""Requirements about users and log-ins by number, with the tests that verify them.

A to E are the five services that Till replaces, without their vulnerabilities.
An entry that is not a test is a file that must exist.
"""

POINT_OF_SALE = {
    "A1": ("test_user_ids_are_not_sequential", "test_user_reads_own_profile"),
    "A2": ("test_database_rejects_invalid_role_or_rights_of_shop_users",),
    "A3": ("test_may_manage", "test_user_may_not_manage_themselves"),
    "A4": ("test_role_may_act_up_to_its_limit",),
    "A5": ("test_may_sell_and_view_users",),
    "A6": (
        "test_attack_049_deactivation_ends_sessions_immediately",
        "test_attack_086_repeated_activation_change_acts_once",
    ),
    "A7": ("test_activated_user_must_log_in_again",),
    "A8": ("test_attack_051_promotion_ends_all_sessions", "test_may_change_role"),
    "A9": ("test_attack_084_invalid_email_in_the_profile_is_rejected",),
    "A10": (
        "test_minimum_password_length_depends_on_the_role",
        "test_password_needs_no_special_composition",
    ),
    "A11": ("test_attack_049_059_tokens_of_deactivated_suspended_or_deleted_users_are_rejected",),
    "A12": (
        "test_attack_035_every_protected_route_needs_a_token",
        "test_managers_cannot_create_managers_or_admins",
    ),
    "A13": ("test_attack_083_username_of_another_shop_is_accepted",),
    "A14": ("test_attack_001_correct_password_starts_a_session",),
    "A15": ("test_passwords_are_hashed_by_argon2id_with_the_owasp_cost",),
    "A16": ("test_attack_044_048_missing_claim_is_rejected",),
    "A17": ("test_each_login_starts_a_new_session", "test_database_stores_no_tokens"),
    "A18": (
        "test_verify_returns_user_and_tenant_of_a_token",
        "test_tokens_of_a_deactivated_or_changed_user_are_rejected",
    ),
    "A19": ("test_attack_050_demoted_user_loses_rights",),
    "A20": ("test_invalid_page_size_is_rejected", "test_scope_shows_only_users_of_its_tenant"),
    "A21": ("test_counting_falls_back_to_the_database_and_returns_to_redis",),
    "A22": ("test_every_exception_has_its_status_and_code",),
    "A23": ("test_attack_036_invalid_header_is_rejected_instead_of_anonymous",),
    "A24": ("test_attack_087_user_contains_no_secrets", "test_outputs_contain_no_secrets"),
    "A25": ("test_may_manage", "test_manager_edits_a_cashier"),
    "A26": ("pyproject.toml", "test_views_use_only_strict_input_serializers"),
    "A27": (
        "test_settings_reject_a_missing_or_short_secret",
        "test_settings_reject_an_invalid_key_ring",
    ),
}

SERVICE_LAYER = {
    "B1": ("test_attack_075_unknown_fields_are_rejected_at_creation_and_edit",),
    "B2": ("test_several_users_can_have_no_email",),
    "B3": ("test_attack_012_password_above_128_characters_is_rejected",),
    "B4": ("test_disabled_signup_is_refused", "test_cashiers_cannot_create_users"),
    "B5": ("test_attack_029_form_login_returns_oauth_field_names",),
    "B6": ("test_edited_user_stays_logged_in",),
    "B7": (
        "test_next_free_number_is_used",
        "test_password_argument_is_rejected",
    ),
    "B8": (
        "test_list_users_lists_one_shop_with_filters",
        "test_list_users_as_json_contains_no_secrets",
    ),
    "B9": ("test_metrics_of_a_new_shop_count_only_its_admin",),
    "B10": ("test_create_user_prints_a_temporary_password",),
    "B11": ("test_settings_reject_a_missing_or_short_secret", ".env.example"),
    "B12": ("test_authentication_takes_one_statement",),
}

SESSIONS = {
    "C1": ("test_root_redirects_to_the_docs",),
    "C2": ("test_liveness_runs_no_checks", "test_ready_with_database_cache_and_migrations"),
    "C3": ("test_logged_in_user_cannot_sign_up",),
    "C4": ("tests/accounts/passwords/test_peppers.py",),
    "C5": ("test_logged_in_user_can_log_in_again",),
    "C6": ("test_attack_068_session_in_use_expires_after_twelve_hours",),
    "C7": ("test_tokens_of_an_ended_session_are_rejected",),
    "C8": ("test_wrong_current_password_is_rejected", "test_invalid_new_password_is_rejected"),
    "C9": ("test_attack_053_logout_ends_both_tokens_immediately",),
    "C10": ("test_may_create", "test_admins_create_users_of_every_role"),
    "C11": ("test_managers_and_admins_list_all_users_of_the_shop",),
    "C12": ("test_password_reset_returns_a_temporary_password",),
    "C13": ("test_attack_051_promotion_ends_all_sessions",),
    "C14": ("test_attack_072_user_of_another_shop_is_answered_like_an_unknown_one",),
    "C15": ("test_last_admin_is_kept_also_for_the_platform",),
    "C16": ("test_attack_176_route_applies_the_rule_of_the_model",),
    "C17": ("test_ending_sessions_of_a_user_ends_all_and_allows_a_new_login",),
    "C18": ("test_role_claim_is_ignored",),
    "C19": ("test_user_ids_are_not_sequential",),
    "C20": (".env.example", "config/settings.py"),
    "C21": ("Makefile",),
    "C22": ("tests/architecture/test_schema.py",),
    "C23": ("test_page_takes_one_query_without_count_and_offset",),
    "C24": ("test_attack_083_simultaneous_creations_of_one_username_create_one_user",),
}

AUTH_SERVICE = {
    "D1": ("test_refresh_returns_new_tokens",),
    "D2": ("test_manager_edits_a_cashier",),
    "D3": ("test_health_reveals_no_details",),
    "D4": ("test_revoking_either_token_ends_the_session",),
    "D5": ("test_roles_include_lower_roles_only_for_active_shop_users",),
    "D6": ("test_database_stores_no_tokens",),
    "D7": ("test_attack_018_after_five_guesses_even_the_correct_password_waits",),
    "D8": ("test_attack_176_route_is_open_to_the_roles_of_the_table",),
    "D9": ("test_create_tenant_creates_store_register_and_admin_with_temporary_password",),
    "D10": ("test_three_commands_replace_a_key",),
    "D11": (".env.example", "test_migrations_match_the_models"),
    "D12": ("test_every_exception_has_its_status_and_code",),
    "D13": ("test_production_logs_are_json_lines", "test_secrets_are_redacted"),
    "D14": (
        "test_attack_084_invalid_email_in_the_profile_is_rejected",
        "test_invalid_username_is_rejected",
    ),
    "D15": ("tests/accounts/users/test_roles.py", "tests/accounts/users/test_api.py"),
}

TUTORIAL = {
    "E1": ("README.md", "test_attack_176_table_contains_exactly_the_routes"),
    "E2": ("test_product_list_returns_matching_products",),
    "E3": ("test_model_serializers_are_read_only",),
    "E4": (".env.example",),
    "E5": ("test_list_users_as_json_contains_no_secrets",),
    "E6": ("test_password_is_read_from_environment_input_or_prompt_and_not_printed",),
    "E7": ("test_attack_002_003_006_033_every_failure_has_an_identical_response",),
    "E8": ("test_access_token_expires_after_ten_minutes_plus_leeway",),
    "E9": ("test_attack_049_059_tokens_of_deactivated_suspended_or_deleted_users_are_rejected",),
    "E10": ("test_unexpected_exception_is_not_a_domain_problem",),
    "E11": ("test_view_requires_a_login_by_default",),
    "E12": ("test_docs_page_needs_no_external_host_and_no_inline_script",),
}

REQUIREMENTS = POINT_OF_SALE | SERVICE_LAYER | SESSIONS | AUTH_SERVICE | TUTORIAL
