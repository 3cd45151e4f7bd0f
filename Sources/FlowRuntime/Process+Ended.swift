import Dispatch
import Foundation

extension Process {
  /// Starts the program, and gives a function to call once, which returns as soon as it has ended;
  /// `waitUntilExit` looks only every twentieth of a second.
  ///
  /// - Throws: What `run` throws.
  package func started() throws -> () -> Void {
    let ended = DispatchSemaphore(value: 0)
    terminationHandler = { _ in ended.signal() }
    try run()
    return { ended.wait() }
  }
}
