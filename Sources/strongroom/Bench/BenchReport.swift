internal import Observability
internal import Platform

/// What `bench` prints.
struct BenchReport {
    let plan: BenchPlan
    let outcome: LoadGenerator.Outcome
    let disk: DiskRates

    var exitCode: ExitCode {
        if outcome.refusals[507] != nil { return .storageFull }
        return outcome.records == 0 ? .tryAgain : .done
    }

    private var seconds: Double { Double(outcome.elapsedNanoseconds) / 1e9 }
    private var rate: Double { seconds > 0 ? Double(outcome.records) / seconds : 0 }

    func write(to console: Console, isJSON: Bool) {
        if isJSON {
            console.result(json)
        } else {
            for line in lines { console.result(line) }
        }
        for (status, count) in outcome.refusals.sorted(by: { $0.key < $1.key }) {
            console.message("\(count) requests were refused with HTTP \(status)")
        }
        if plan.address != nil, plan.keys.isEmpty {
            console.message("signatures were not checked, for no key is pinned: give --key")
        }
    }

    private func latency(_ percentile: Double) -> Double {
        let value = outcome.latencies.milliseconds(percentile: percentile)
        return (value * 1000).rounded() / 1000
    }

    private var json: String {
        var line = JSONLine()
        line.add("clients", plan.clients)
        line.add("size", plan.sizeBytes)
        line.add("seconds", (seconds * 1000).rounded() / 1000)
        line.add("records", outcome.records)
        line.add("recordsPerSecond", (rate * 10).rounded() / 10)
        line.add("p50Ms", latency(50))
        line.add("p90Ms", latency(90))
        line.add("p99Ms", latency(99))
        line.add("p999Ms", latency(99.9))
        line.add("fdatasyncPerSecond", (disk.appendsPerSecond * 10).rounded() / 10)
        line.add("commitsPerSecond", (disk.commitsPerSecond * 10).rounded() / 10)
        return line.text
    }

    private var lines: [String] {
        let what = plan.readsReceipts ? "receipts" : "records"
        let perRecord =
            outcome.records > 0
            ? Double(outcome.processorNanoseconds) / Double(outcome.records) / 1000 : 0
        let latencies = [50, 90, 99, 99.9].map { (percentile: Double) in
            let name = percentile == 99.9 ? "p99.9" : "p\(Int(percentile))"
            return "\(name) \(Amount.decimal(latency(percentile), places: 3)) ms"
        }
        return [
            "clients    \(plan.clients), payloads of \(plan.sizeBytes) bytes, "
                + "\(Amount.decimal(seconds, places: 2)) s",
            "\(what)\(what == "records" ? " " : "")   \(Amount.grouped(outcome.records)), "
                + "all verified: \(Amount.decimal(rate, places: 0)) a second",
            "latency    " + latencies.joined(separator: ", "),
            "sent       \(Amount.bytes(outcome.bytesSent)) of requests",
            "disk       D \(Amount.decimal(disk.appendsPerSecond, places: 0)) appends of 1 KiB "
                + "with fdatasync a second,",
            "           L \(Amount.decimal(disk.commitsPerSecond, places: 0)) commits of two "
                + "syncs a second",
            "ratio      \(Amount.decimal(rate / max(disk.appendsPerSecond, 1), places: 2)) D, "
                + "\(Amount.decimal(rate / max(disk.commitsPerSecond, 1), places: 2)) L",
            "client     \(Amount.decimal(perRecord, places: 1)) µs of processor time a record",
        ]
    }
}
