import EvidenceModel
import Testing

@Suite struct RecordTests {
    @Test func anOpenRecordHasThisForm() throws {
        let text = String(decoding: try Samples.openRecord().encoded, as: UTF8.self)
        let expected = #"""
            {"collection":"payments","idempotencyKey":"build-17/metrics","kind":"evidence",\#
            "labels":{"branch":"main","sprint":"6"},\#
            "lock":{"mode":"COMPLIANCE","until":"2033-11-22T00:00:00Z"},\#
            "mediaType":"application/json","name":"sprint6/metrics.json","payload":{"sha256":\#
            "239f59ed55e737c77147cf55ad0c1b030b6d7ee748a7426952f9b852d5a935e5","size":1234},\#
            "received":"2026-11-21T01:02:03.456Z","sequence":41,\#
            "submitter":"pipeline:payments-ci",\#
            "traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","v":1}
            """#
        #expect(text == expected)
    }

    @Test func everyKindIsReadBackAsWritten() throws {
        for record in [
            try Samples.openRecord(), try Samples.sealedRecord(), try Samples.logCreated(),
        ] {
            let read = try Record(parsing: record.encoded.span)
            #expect(read == record)
            #expect(read.encoded == record.encoded)
        }
    }

    @Test func aDraftEncodesTheRecord() throws {
        let lock = try Samples.lock()
        let received = try Samples.time("2026-11-21T01:02:03.456Z")
        let sequence = try #require(SequenceNumber(41))
        let description = try Samples.openDescription()
        let open = EvidenceDraft(
            collection: try CollectionName("payments"),
            form: .open(description)
        )
        #expect(
            open.encode(received: received, sequence: sequence, lock: lock)
                == (try Samples.openRecord().encoded)
        )
        let sealed = EvidenceDraft(
            collection: try CollectionName("payments"),
            form: .sealed(description, try Samples.opening())
        )
        #expect(
            sealed.encode(received: received, sequence: sequence, lock: lock)
                == (try Samples.sealedRecord().encoded)
        )
    }
}
