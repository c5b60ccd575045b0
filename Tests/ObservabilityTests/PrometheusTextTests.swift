import Testing

@testable import Observability

@Suite struct PrometheusTextTests {
    private func text(_ document: PrometheusText) -> String {
        String(decoding: document.document, as: UTF8.self)
    }

    @Test func counterAndGauge() {
        var document = PrometheusText()
        document.counter("strongroom_appends_total", help: "Records acknowledged.", 41)
        document.gauge(
            "strongroom_queue_depth",
            help: "Appends that wait.",
            [.init(3, [.init("kind", "append")]), .init(0.25)]
        )
        #expect(
            text(document) == """
                # HELP strongroom_appends_total Records acknowledged.
                # TYPE strongroom_appends_total counter
                strongroom_appends_total 41
                # HELP strongroom_queue_depth Appends that wait.
                # TYPE strongroom_queue_depth gauge
                strongroom_queue_depth{kind="append"} 3
                strongroom_queue_depth 0.25

                """
        )
    }

    @Test func histogramBucketsAreCumulative() {
        var document = PrometheusText()
        document.histogram(
            "strongroom_commit_seconds",
            help: "Time of a commit.",
            [
                .init(
                    upperBounds: [0.001, 0.01],
                    counts: [2, 3, 1],
                    sum: 0.5,
                    labels: [.init("segment", "0")]
                )
            ]
        )
        #expect(
            text(document) == """
                # HELP strongroom_commit_seconds Time of a commit.
                # TYPE strongroom_commit_seconds histogram
                strongroom_commit_seconds_bucket{segment="0",le="0.001"} 2
                strongroom_commit_seconds_bucket{segment="0",le="0.01"} 5
                strongroom_commit_seconds_bucket{segment="0",le="+Inf"} 6
                strongroom_commit_seconds_sum{segment="0"} 0.5
                strongroom_commit_seconds_count{segment="0"} 6

                """
        )
    }

    @Test func labelValuesAndHelpCannotBreakALine() {
        var document = PrometheusText()
        document.gauge(
            "strongroom_info",
            help: "One\\two\nthree",
            [.init(count: 1, [.init("name", "a\"b\\c\nd")])]
        )
        #expect(
            text(document) == """
                # HELP strongroom_info One\\\\two\\nthree
                # TYPE strongroom_info gauge
                strongroom_info{name="a\\"b\\\\c\\nd"} 1

                """
        )
    }

    @Test func numbersOutsideTheIntegers() {
        var document = PrometheusText()
        document.gauge(
            "strongroom_x",
            help: "X.",
            [.init(Double.infinity), .init(-Double.infinity), .init(Double.nan), .init(1e300)]
        )
        let values = text(document).split(separator: "\n").suffix(4)
            .compactMap { $0.split(separator: " ").last }
        #expect(values == ["+Inf", "-Inf", "NaN", "1e+300"])
    }
}
