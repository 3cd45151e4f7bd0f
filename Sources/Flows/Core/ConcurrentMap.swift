import Dispatch

/// What a function gives for all elements, in order, some of them computed at the same time.
///
/// The function must be safe to call from several threads at once. All calls are made; if some throw, the error of
/// the first element among theirs is thrown.
func concurrentMap<Element, Mapped>(
  _ elements: [Element], _ transform: @escaping (Element) throws -> Mapped
) throws -> [Mapped] {
  var results = [Result<Mapped, any Error>?](repeating: nil, count: elements.count)
  results.withUnsafeMutableBufferPointer { places in
    // Each call has an element and a place of its own.
    nonisolated(unsafe) let call = { [places] index in
      places[index] = Result { try transform(elements[index]) }
    }
    DispatchQueue.concurrentPerform(iterations: elements.count) { call($0) }
  }
  return try results.compactMap { try $0?.get() }
}
