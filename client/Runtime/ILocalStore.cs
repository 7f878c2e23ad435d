namespace Delos.Runtime;

/// <summary>
/// Where a replica keeps its state: a sorted, transactional store of its own, which needs no log, since the shared log is one. After a crash it holds the state after some committed transaction,
/// not necessarily the last one; the cursor that is stored with the effects says which (DESIGN §3, DelosRuntime). Thread-safe but for transactions.
/// </summary>
public interface ILocalStore : IDisposable
{
    /// <summary>Begins the one transaction.</summary>
    /// <exception cref="InvalidOperationException">The one before has neither been committed nor disposed.</exception>
    IStoreTransaction Begin();

    /// <summary>The state as of the last commit, for as long as the snapshot lives. To be disposed before the store.</summary>
    IStoreSnapshot Snapshot();

    /// <summary>When it returns, everything committed before the call survives a crash.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken);

    /// <summary>Writes the state as of the last commit into a directory, which must not exist yet, as durable files that <see cref="ILocalStoreFactory.RestoreAsync"/> takes. Commits may go on meanwhile; it holds all up to one of them, and the cursor in it says which.</summary>
    ValueTask CheckpointAsync(string directory, CancellationToken cancellationToken);
}

/// <summary>A consistent view for readers. Thread-safe; its cursors are not.</summary>
public interface IStoreSnapshot : IStoreReader, IDisposable;

/// <summary>Opens a replica's store, and puts another one in its place.</summary>
public interface ILocalStoreFactory
{
    /// <summary>The store as it was left, or an empty one.</summary>
    /// <exception cref="InvalidDataException">What is there cannot be read; <see cref="RestoreAsync"/> replaces it.</exception>
    ILocalStore Open();

    /// <summary>While no store is open: replaces whatever is there by the checkpoint in that directory, which stays as it is. A crash in between leaves the old one, or none.</summary>
    /// <exception cref="InvalidDataException">There is no checkpoint in that directory, or a damaged one; what was there before still is.</exception>
    ValueTask RestoreAsync(string directory, CancellationToken cancellationToken);

    /// <summary>While no store is open: throws away whatever is there.</summary>
    ValueTask ClearAsync(CancellationToken cancellationToken);
}
