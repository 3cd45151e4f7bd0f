import FlowCodegen
import FlowIR
import Foundation

/// The times of the nodes of a tile program, as counted by code that was compiled for profiling.
public final class NodeCounters: Sendable {
  /// What was counted for a node.
  public struct Count: Sendable {
    /// Seconds in the node and the nodes within, summed over threads.
    public let seconds: Double
    /// How often it ran.
    public let calls: Int
    /// What a search for roots took; nil for other nodes.
    public let search: Search?
    /// What the solution of a differential equation took; nil for other nodes.
    public let solution: Solution?
  }

  /// How often the derivatives of a differential equation were evaluated.
  public struct Solution: Sendable {
    /// Evaluations that a row needed, on average.
    public let evaluations: Double
    /// The share of the computed lanes that held a row on its way.
    public let lanesInUse: Double
  }

  /// How often searches for roots evaluated their functions.
  public struct Search: Sendable {
    /// Evaluations that an element of a row needed, on average.
    public let evaluations: Double
    /// Evaluations that were made, on average: those of rows that waited for others of their tile too.
    public let passes: Double
  }

  private typealias Read = @convention(c) (UnsafeMutablePointer<UInt64>) -> Void
  private typealias TickSeconds = @convention(c) () -> Double

  private let works: [InstructionSet: [NodeWork]]
  private let read: Read
  private let tickSeconds: Double

  init(_ program: TileProgram, handle: UnsafeMutableRawPointer, path: String) throws(RuntimeError) {
    guard let read = dlsym(handle, "flow_profile"), let ticks = dlsym(handle, "flow_tick_seconds")
    else { throw .loadFailed(path: path, reason: "its counters are missing") }
    works = Dictionary(
      uniqueKeysWithValues: InstructionSet.allCases.map { ($0, program.work(on: $0)) })
    self.read = unsafeBitCast(read, to: Read.self)
    tickSeconds = unsafeBitCast(ticks, to: TickSeconds.self)()
  }

  /// What each node does for one row, in the instructions of a set.
  public func work(on set: InstructionSet) -> [NodeWork] { works[set] ?? [] }

  /// What was counted since the last time, in the order of `work`. No call may be running.
  public func take() -> [Count] {
    let size = CFile.Counter.allCases.count
    let work = work(on: .planned)
    var values = [UInt64](repeating: 0, count: max(size * work.count, 1))
    read(&values)
    return work.indices.map { node in
      func value(_ counter: CFile.Counter) -> Double { Double(values[counter.index(of: node)]) }
      var (search, solution): (Search?, Solution?)
      if value(.searches) > 0, work[node].isODE {
        solution = Solution(
          evaluations: value(.evaluations) / value(.searches),
          lanesInUse: value(.evaluations) / value(.passes))
      } else if value(.searches) > 0 {
        search = Search(
          evaluations: value(.evaluations) / value(.searches),
          passes: value(.passes) / value(.searches))
      }
      return Count(
        seconds: value(.ticks) * tickSeconds, calls: Int(value(.calls)), search: search,
        solution: solution)
    }
  }
}
