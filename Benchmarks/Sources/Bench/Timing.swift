import FlowFiles
import Foundation
import Peak

/// Rates of repeated passes of equal length, and beside each the peak rate of fused multiply-adds and,
/// for more than one thread, the nanoseconds that a cache line takes to another thread and back.
struct Timing {
  private(set) var rates: [Double] = []
  private(set) var peaks: [Double] = []
  private(set) var roundTrips: [Double] = []

  /// Times passes of about `seconds`; a call does `items` of something. Two calls warm up. `peak`
  /// measures the machine before each pass.
  init(
    items: Int, threads: Int, passes: Int, seconds: Double,
    peak: (Int) throws -> Double = { fma_peak_float(Int32($0)) }, _ call: () throws -> Void
  ) throws {
    try call()
    let once = try Self.seconds(call)
    let repeats = max(1, Int(seconds / once))
    for _ in 0..<passes {
      // The workers of the last region spin for a while (200 ms with libomp), which would slow
      // what is measured next.
      if threads > 1 { Thread.sleep(forTimeInterval: 0.25) }
      peaks.append(try peak(threads))
      if threads > 1 { roundTrips.append(1e9 * line_round_trip()) }
      let spent = try Self.seconds { for _ in 0..<repeats { try call() } }
      rates.append(Double(items * repeats) / spent)
    }
  }

  static func seconds(_ call: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let duration = try clock.measure { try call() }
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }

  var json: JSONValue {
    let sorted = rates.sorted()
    return .object([
      .init("median", .number(sorted[sorted.count / 2])),
      .init("best", .number(sorted[sorted.count - 1])),
      .init("passes", .array(rates.map { .number($0) })),
      .init("peak", .number(peaks.max() ?? 0)),
      .init("round_trips", .array(roundTrips.map { .number($0) })),
    ])
  }
}
