import Testing

@testable import Flows

/// Mapping elements at the same time.
@Suite struct ConcurrentMapTests {
  private struct Refusal: Error, Equatable {
    let element: Int
  }

  @Test("results come in the order of their elements, and the first element's error is thrown")
  func order() throws {
    let numbers = Array(0..<1000)
    #expect(try concurrentMap(numbers) { 3 * $0 } == numbers.map { 3 * $0 })
    #expect(try concurrentMap([Int]()) { $0 } == [])
    #expect(throws: Refusal(element: 300)) {
      try concurrentMap(numbers) { number -> Int in
        if number % 7 == 6 && number > 294 { throw Refusal(element: number) }
        return number
      }
    }
  }
}
