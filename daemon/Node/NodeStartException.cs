namespace Delos.Daemon.Node;

/// <summary>The node may not or cannot start; the message tells the operator what is wrong and what to do.</summary>
internal sealed class NodeStartException(string message, Exception? innerException = null) : Exception(message, innerException);
