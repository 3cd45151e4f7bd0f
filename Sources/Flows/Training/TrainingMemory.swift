import FlowFiles
import Foundation

/// How much memory the rows of a fit may take.
package struct TrainingMemory {
  /// The number of bytes.
  package let bytes: Int

  /// As much as is given, or else three quarters of what the machine or the container has; never more than half of
  /// what the limits of the process leave (`ulimit -v` and `-d`).
  package init(_ given: Int?) {
    let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    bytes = min(given ?? min(machine, Self.container ?? machine) / 4 * 3, Self.processLimit)
  }

  /// How many rows of a sample may be kept, of some bytes each: as many as are wanted, or what a part of the memory
  /// holds, but enough for a quartile.
  package func sampledRows(_ wanted: Int, bytes size: Int) -> Int {
    min(wanted, max(bytes / 8 / max(size, 1), 1_000))
  }

  /// Whether the rows of some files fit: each number as it is stored and three times as 4 bytes, which are the
  /// centred numbers and what they are judged by, and for each row its places and log-densities.
  package func holds(_ files: [RowFile]) -> Bool {
    guard let first = files.first else { return true }
    let row = files.reduce(48) { $0 + $1.columns * ($1.isDouble ? 20 : 16) }
    let (total, isTooLarge) = row.multipliedReportingOverflow(by: first.count)
    return !isTooLarge && total <= bytes
  }

  /// Half of what the limits of the process's addresses and of its data leave, at least a megabyte.
  private static var processLimit: Int {
    // The libraries take 100 MB of addresses, and each thread has a stack.
    let program = (112 << 20) + ProcessInfo.processInfo.activeProcessorCount * (8 << 20)
    let left = min(System.limit(RLIMIT_AS) - program, System.limit(RLIMIT_DATA))
    return max(left / 2, 1 << 20)
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
