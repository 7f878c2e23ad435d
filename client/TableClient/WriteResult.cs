using Delos.Protocol.Tables;

namespace Delos.Client.Tables;

/// <summary>What became of operations that were all done.</summary>
/// <param name="Results">One for each operation, in order.</param>
/// <param name="Next">First log position behind them: a read at <see cref="TableReadLevel.After"/> this sees them.</param>
public sealed record WriteResult(IReadOnlyList<OpResult> Results, long Next);
