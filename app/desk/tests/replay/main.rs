//! Dead letters sent again and records composed, by a whole session, on librdkafka's mock cluster and on Apache Kafka: the bytes, the pace, who is asked,
//! and what the ledger says, also after a kill. Both clusters see the same scenarios.

mod byte_exact;
mod cluster;
mod composed;
mod scenarios;
mod session;

mod mock {
    use crate::cluster::{Cluster, Death};
    use crate::{byte_exact, composed, scenarios};

    #[tokio::test(flavor = "multi_thread")]
    async fn whatever_a_record_holds_arrives_and_differs_by_its_change_alone() {
        byte_exact::any_record(async || Cluster::mock()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whatever_is_composed_arrives_as_it_was_composed() {
        composed::any_record(async || Cluster::mock()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whatever_a_record_holds_it_is_the_same_through_a_file() {
        byte_exact::through_a_file(async || Cluster::mock()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn records_of_two_topics_go_each_to_its_own_in_one_run() {
        byte_exact::each_to_its_own(Cluster::mock()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn letters_arrive_byte_for_byte_but_for_the_declared_headers_and_are_followed_until_they_are_consumed() {
        scenarios::byte_for_byte(Cluster::mock()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_of_the_first_that_comes_back_dead_stops_the_run() {
        scenarios::canary_comes_back_dead(Cluster::mock(), Death::WithHeaders).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_that_comes_back_without_its_headers_is_known_by_where_it_was_sent() {
        scenarios::canary_comes_back_dead(Cluster::mock(), Death::Stripped).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn answers_lost_for_the_middle_third_leave_it_in_doubt_and_nothing_is_sent_twice() {
        scenarios::middle_third_in_doubt(Cluster::mock()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn while_no_answer_comes_a_stop_ends_within_a_second_and_the_three_states_sum_up() {
        scenarios::stop_while_answers_are_lost(Cluster::mock()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_a_read_only_profile_no_command_produces_and_each_attempt_is_a_line() {
        scenarios::read_only(Cluster::mock()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn after_a_kill_the_ledger_knows_of_every_record_that_was_sent() {
        if !scenarios::is_child().await {
            scenarios::after_a_kill(&Cluster::mock(), "mock::after_a_kill_the_ledger_knows_of_every_record_that_was_sent");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn that_another_group_read_it_is_not_taken_for_consumed_while_the_one_that_failed_is_stopped() {
        scenarios::another_group_reads(Cluster::mock()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_dies_after_its_retries_never_lets_the_rest_go() {
        scenarios::dies_after_its_retries(Cluster::mock()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_goes_well_after_its_retries_opens_the_gate_and_is_consumed() {
        scenarios::goes_well_after_its_retries(Cluster::mock()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn killed_at_any_point_again_and_again_nothing_is_sent_twice() {
        if !scenarios::is_child().await {
            scenarios::after_many_kills(&Cluster::mock(), "mock::killed_at_any_point_again_and_again_nothing_is_sent_twice");
        }
    }
}

mod apache {
    use crate::cluster::{Cluster, Death};
    use crate::{byte_exact, composed, scenarios};

    #[tokio::test(flavor = "multi_thread")]
    async fn whatever_a_record_holds_arrives_and_differs_by_its_change_alone() {
        if Cluster::apache("whatever_a_record_holds").await.is_none() {
            return;
        }
        byte_exact::any_record(async || Cluster::apache("whatever_a_record_holds").await.expect("it is there")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whatever_is_composed_arrives_as_it_was_composed() {
        if Cluster::apache("whatever_is_composed").await.is_none() {
            return;
        }
        composed::any_record(async || Cluster::apache("whatever_is_composed").await.expect("it is there")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whatever_a_record_holds_it_is_the_same_through_a_file() {
        if Cluster::apache("the_same_through_a_file").await.is_none() {
            return;
        }
        byte_exact::through_a_file(async || Cluster::apache("the_same_through_a_file").await.expect("it is there")).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn records_of_two_topics_go_each_to_its_own_in_one_run() {
        let Some(cluster) = Cluster::apache("records_of_two_topics_go_each_to_its_own").await else { return };
        byte_exact::each_to_its_own(cluster).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn letters_arrive_byte_for_byte_but_for_the_declared_headers_and_are_followed_until_they_are_consumed() {
        let Some(cluster) = Cluster::apache("letters_arrive_byte_for_byte").await else { return };
        scenarios::byte_for_byte(cluster).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_of_the_first_that_comes_back_dead_stops_the_run() {
        let Some(cluster) = Cluster::apache("one_of_the_first_that_comes_back_dead_stops_the_run").await else { return };
        scenarios::canary_comes_back_dead(cluster, Death::WithHeaders).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_that_comes_back_without_its_headers_is_known_by_where_it_was_sent() {
        let Some(cluster) = Cluster::apache("one_that_comes_back_without_its_headers_is_known").await else { return };
        scenarios::canary_comes_back_dead(cluster, Death::Stripped).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn answers_lost_for_the_middle_third_leave_it_in_doubt_and_nothing_is_sent_twice() {
        let Some(cluster) = Cluster::apache("answers_lost_for_the_middle_third_leave_it_in_doubt").await else { return };
        scenarios::middle_third_in_doubt(cluster).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn while_no_answer_comes_a_stop_ends_within_a_second_and_the_three_states_sum_up() {
        let Some(cluster) = Cluster::apache("while_no_answer_comes_a_stop_ends_within_a_second").await else { return };
        scenarios::stop_while_answers_are_lost(cluster).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_a_read_only_profile_no_command_produces_and_each_attempt_is_a_line() {
        let Some(cluster) = Cluster::apache("on_a_read_only_profile_no_command_produces").await else { return };
        scenarios::read_only(cluster).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn after_a_kill_the_ledger_knows_of_every_record_that_was_sent() {
        if scenarios::is_child().await {
            return;
        }
        let Some(cluster) = Cluster::apache("after_a_kill_the_ledger_knows_of_every_record_that_was_sent").await else { return };
        scenarios::after_a_kill(&cluster, "apache::after_a_kill_the_ledger_knows_of_every_record_that_was_sent");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn that_another_group_read_it_is_not_taken_for_consumed_while_the_one_that_failed_is_stopped() {
        let Some(cluster) = Cluster::apache("that_another_group_read_it_is_not_taken_for_consumed").await else { return };
        scenarios::another_group_reads(cluster).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_dies_after_its_retries_never_lets_the_rest_go() {
        let Some(cluster) = Cluster::apache("what_dies_after_its_retries_never_lets_the_rest_go").await else { return };
        scenarios::dies_after_its_retries(cluster).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_goes_well_after_its_retries_opens_the_gate_and_is_consumed() {
        let Some(cluster) = Cluster::apache("what_goes_well_after_its_retries").await else { return };
        scenarios::goes_well_after_its_retries(cluster).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn killed_at_any_point_again_and_again_nothing_is_sent_twice() {
        if scenarios::is_child().await {
            return;
        }
        let Some(cluster) = Cluster::apache("killed_at_any_point_again_and_again").await else { return };
        scenarios::after_many_kills(&cluster, "apache::killed_at_any_point_again_and_again_nothing_is_sent_twice");
    }
}
