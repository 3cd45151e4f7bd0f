import FlowFiles
import Foundation

/// How much memory the rows of a fit may take.
package struct TrainingMemory {
  /// The number of bytes.
  package let bytes: Int

  /// As much as is given; if nothing is, three quarters of what the machine or the container has, or half of
  /// the process's limit of addresses, which much else is in.
  package init(_ given: Int?) { bytes = given ?? Self.available }

  /// Whether the rows of some files fit: each number as it is stored and three times as 4 bytes, which are the
  /// centred numbers and what they are judged by, and for each row its places and log-densities.
  package func holds(_ files: [RowFile]) -> Bool {
    guard let first = files.first else { return true }
    let row = files.reduce(48) { $0 + $1.columns * ($1.isDouble ? 20 : 16) }
    let (total, isTooLarge) = row.multipliedReportingOverflow(by: first.count)
    return !isTooLarge && total <= bytes
  }

  private static var available: Int {
    let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    var bytes = min(machine, container ?? machine) / 4 * 3
    var limit = rlimit()
    #if canImport(Glibc)
      let found = getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    #else
      let found = getrlimit(RLIMIT_AS, &limit)
    #endif
    if found == 0 { bytes = min(bytes, Int(clamping: limit.rlim_cur) / 2) }
    return bytes
  }

  /// The limit of the control group, of version 2 or 1; nil without one.
  private static var container: Int? {
    func number(_ path: String) -> Int? {
      guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
      return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
    var limits = [number("/sys/fs/cgroup/memory/memory.limit_in_bytes")]
    for line in groups.split(separator: "\n") where line.hasPrefix("0::") {
      var path = String(line.dropFirst(3))
      while true {
        limits.append(number("/sys/fs/cgroup" + path + "/memory.max"))
        guard let slash = path.lastIndex(of: "/") else { break }
        path = String(path[..<slash])
      }
    }
    return limits.compactMap { $0 }.min()
  }
}
