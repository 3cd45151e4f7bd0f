import Testing

@testable import FlowFiles

@Suite struct CheckedNumberTests {
  @Test(
    "whole numbers within limits are taken, in any of their spellings",
    arguments: [("7", 7), ("1e3", 1000), ("1_000", 1000), ("2.5e1", 25), ("+4", 4)])
  func taken(text: String, value: Int) throws {
    #expect(try Checked.integer(text, in: 1...1000) == value)
  }

  @Test(
    "whole numbers beyond limits or of another form are errors that name the limits",
    arguments: [
      "0", "-1", "1001", "1.5", "1e300", "nan", "inf", "", "9223372036854775808", "1e18", "x",
      "99999999999999999999999",
    ])
  func refused(text: String) {
    let error = #expect(throws: NumberError.self) { try Checked.integer(text, in: 1...1000) }
    #expect(error?.expected == "a whole number from 1 to 1000")
  }

  @Test("the largest numbers do not overflow")
  func extremes() throws {
    #expect(try Checked.integer("9223372036854775807", in: 0...Int.max) == Int.max)
    #expect(throws: NumberError.self) { try Checked.integer("1e19", in: 0...Int.max) }
    #expect(try Checked.seed("18446744073709551615") == UInt64.max)
    #expect(throws: NumberError.self) { try Checked.seed("-1") }
    #expect(Checked.product(Int.max, 2) == nil && Checked.product(3, -1) == nil)
    #expect(Checked.product(3, 4, 5) == 60 && Checked.product(Int.max, 0) == 0)
  }

  @Test("numbers that are NaN or beyond limits are errors")
  func numbers() throws {
    #expect(try Checked.number("1e-30", in: .above(0, to: 1)) == 1e-30)
    for text in ["nan", "0", "-0.5", "1.5", "inf", "1e999", ""] {
      #expect(throws: NumberError.self) { try Checked.number(text, in: .above(0, to: 1)) }
    }
    #expect(try Checked.number("0", in: .from(0, to: 1)) == 0)
  }

  @Test(
    "a float is an integer of 32 bits or an error", arguments: [.nan, 1e300, 0.5, 2_147_483_648])
  func int32(value: Double) throws {
    #expect(throws: NumberError.self) { try Checked.int32(value) }
    #expect(try Checked.int32(-2_147_483_648) == .min)
  }

  @Test("a digest changes with a bit, the length and the order")
  func digest() {
    let texts = ["", "a", "b", "ab", "ba", "a\0", String(repeating: "x", count: 8), "xxxxxxxxx"]
    #expect(Set(texts.map { Digest(of: $0).text }).count == texts.count)
    var (one, two) = (Digest(), Digest())
    one.update([1, 2, 3] as [Float])
    two.update([1, 2, 3.0000002] as [Float])
    #expect(one.text != two.text && one.text.count == 32)
    #expect(Digest(of: "flow").text == Digest(of: "flow").text)
  }
}
