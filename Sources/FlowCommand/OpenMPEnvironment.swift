import FlowFiles
import Foundation

/// The environment variables that the OpenMP runtime reads at the first call of compiled code. Some
/// values make it end the process, or never return, so they are checked before.
enum OpenMPEnvironment {
  /// Sizes, and the bytes that one without a unit stands for.
  private static let sizes = [
    ("OMP_STACKSIZE", 1024.0), ("GOMP_STACKSIZE", 1024), ("KMP_STACKSIZE", 1),
    ("KMP_STACKOFFSET", 1),
  ]
  private static let largest = 0x1p30

  /// Checks the variables, and removes the one that decides nothing here.
  ///
  /// - Throws: `FileError.mismatch` with the variable's name and limit.
  static func prepare() throws(FileError) {
    // Every call of compiled code states its number of threads.
    unsetenv("OMP_NUM_THREADS")
    let environment = ProcessInfo.processInfo.environment
    for (name, unit) in sizes {
      guard let text = environment[name], let size = bytes(text, unit: unit), size > largest
      else { continue }
      throw .mismatch(path: name, found: "'\(text.prefix(40))'", expected: "a size of at most 1G")
    }
  }

  /// The size that a text such as `512k` or `2G` states; nil for what the runtime ignores with a warning.
  private static func bytes(_ text: String, unit: Double) -> Double? {
    let text = text.lowercased().filter { $0 != " " }
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let units: [Substring: Double] = [
      "": unit, "b": 1, "k": 0x1p10, "m": 0x1p20, "g": 0x1p30, "t": 0x1p40,
    ]
    var rest = text.dropFirst(digits.count)
    if rest.count == 2, rest.hasSuffix("b") { rest = rest.dropLast() }
    guard let count = Double(digits), let factor = units[rest] else { return nil }
    return count * factor
  }
}
