namespace Delos.Runtime;

/// <summary>The replica's own store failed: not the fault of the command that was being applied. The runtime stops; nothing is lost, since the log has it all.</summary>
public class LocalStoreException(string message, Exception? innerException = null) : IOException(message, innerException);
