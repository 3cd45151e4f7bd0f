import FlowCodegen
import Foundation

/// The times of the nodes of a tile program, as counted by code that was compiled for profiling.
public final class NodeCounters: Sendable {
  /// What was counted for a node.
  public struct Count: Sendable {
    /// Seconds in the node and the nodes within, summed over threads.
    public let seconds: Double
    /// How often it ran.
    public let calls: Int
  }

  private typealias Read = @convention(c) (UnsafeMutablePointer<UInt64>) -> Void
  private typealias TickSeconds = @convention(c) () -> Double

  /// What each node does for one row.
  public let work: [NodeWork]
  private let read: Read
  private let tickSeconds: Double

  init(_ program: TileProgram, handle: UnsafeMutableRawPointer, path: String) throws(RuntimeError) {
    guard let read = dlsym(handle, "flow_profile"), let ticks = dlsym(handle, "flow_tick_seconds")
    else { throw .loadFailed(path: path, reason: "its counters are missing") }
    work = program.work
    self.read = unsafeBitCast(read, to: Read.self)
    tickSeconds = unsafeBitCast(ticks, to: TickSeconds.self)()
  }

  /// What was counted since the last time, in the order of `work`. No call may be running.
  public func take() -> [Count] {
    var values = [UInt64](repeating: 0, count: max(2 * work.count, 1))
    read(&values)
    return work.indices.map {
      Count(seconds: Double(values[2 * $0]) * tickSeconds, calls: Int(values[2 * $0 + 1]))
    }
  }
}
