import Testing

@testable import strongroom

/// Names that want to be more than names.
@Suite struct ShownTextTests {
    @Test func nothingHides() {
        #expect(ShownText.visible("plain ä 漢字") == "plain ä 漢字")
        #expect(ShownText.visible("a\u{202E}b\u{7}c\u{2028}d") == "a\\u{202E}b\\u{7}c\\u{2028}d")
        #expect(ShownText.visible("\u{FEFF}\u{200B}\u{85}\u{2066}x\u{2069}").contains("\\u{2066}"))
        #expect(ShownText.visible("\u{200F}") == "\\u{200F}")
    }

    @Test func htmlIsText() {
        #expect(
            ShownText.html("<b title=\"x\" id='y'>&amp;</b>")
                == "&lt;b title=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;&lt;/b&gt;"
        )
        #expect(ShownText.html("a\nb") == "a\\u{A}b")
    }

    @Test func markdownIsText() {
        #expect(ShownText.markdown("sprint6/metrics-1.json") == "sprint6/metrics-1.json")
        #expect(ShownText.markdown("a|b") == "a&#124;b")
        #expect(ShownText.markdown("<i>&") == "&#60;i&#62;&#38;")
        #expect(ShownText.markdown("[x](y)") == "&#91;x&#93;\\(y\\)")
        #expect(ShownText.markdown("`*_~#!$") == "&#96;\\*\\_\\~\\#\\!\\$")
        #expect(ShownText.markdown("a\\|b") == "a&#92;&#124;b")
        #expect(ShownText.markdown("http://x") == "http&#58;//x")
        #expect(ShownText.markdown("WWW.example.org") == "WWW&#46;example.org")
        #expect(ShownText.markdown("m@x.org") == "m&#64;x.org")
        #expect(ShownText.markdown("a\nb\u{202E}") == "a&#92;u\\{A\\}b&#92;u\\{202E\\}")
    }
}
