import Foundation

/// The processor that this process runs on, as far as compiled code depends on it.
struct Processor: Hashable {
  /// What it is: its maker, family and model.
  let model: String
  /// What it can do, by the system's names, such as `avx2`.
  let features: Set<String>

  /// The processor of this machine; the same for as long as the process lives.
  static let current = Processor()

  private init() {
    #if canImport(Darwin)
      func text(_ name: String) -> String {
        var size = 0
        guard sysctlbyname(name, nil, &size, nil, 0) == 0, size > 1 else { return "" }
        var bytes = [CChar](repeating: 0, count: size)
        guard sysctlbyname(name, &bytes, &size, nil, 0) == 0 else { return "" }
        return String(cString: bytes)
      }
      self.init(
        model: text("machdep.cpu.brand_string"),
        features: Set(
          (text("machdep.cpu.features") + " " + text("machdep.cpu.leaf7_features")).lowercased()
            .split(separator: " ").map(String.init)))
    #else
      let file = FileManager.default.contents(atPath: "/proc/cpuinfo") ?? Data()
      self.init(description: String(decoding: file.prefix(1 << 16), as: UTF8.self))
    #endif
  }

  init(model: String, features: Set<String>) {
    (self.model, self.features) = (model, features)
  }

  /// Reads the first processor of a text such as `/proc/cpuinfo`.
  init(description: String) {
    var (model, features): ([String], Set<String>) = ([], [])
    for line in description.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.isEmpty, !features.isEmpty { break }
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let (key, value) = (parts[0].trimmingCharacters(in: .whitespaces), parts[1])
      switch key {
      case "vendor_id", "cpu family", "model", "CPU implementer", "CPU part":
        model.append(value.trimmingCharacters(in: .whitespaces))
      case "flags", "Features": features = Set(value.split(separator: " ").map(String.init))
      default: break
      }
    }
    self.init(model: model.joined(separator: " "), features: features)
  }

  /// All of it, in one stable text.
  var identity: String { model + ": " + features.sorted().joined(separator: " ") }
}
