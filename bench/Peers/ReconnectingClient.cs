namespace Delos.Bench.Peers;

/// <summary>Connects anew when its connection is lost, as the peers' own client libraries do.</summary>
internal sealed class ReconnectingClient(IPeer peer, IPeerClient first) : IPeerClient
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private readonly SemaphoreSlim _connecting = new(1);
    private volatile IPeerClient _client = first;

    public async ValueTask<long> WriteAsync(ReadOnlyMemory<byte> payload)
    {
        var client = _client;
        try
        {
            return await client.WriteAsync(payload).AsTask().WaitAsync(s_patience).ConfigureAwait(false);
        }
        // Disposed: another worker has just replaced it.
        catch (Exception e) when (client.IsFailure(e) || e is TimeoutException or ObjectDisposedException)
        {
            try
            {
                await ReconnectAsync(client).ConfigureAwait(false);
            }
            catch (Exception refused)
            {
                // Its servers elect a leader, or start: the next write connects again.
                throw new PeerException(refused.Message, refused);
            }

            throw new PeerException(e.Message, e);
        }
    }

    public ValueTask<long> ReadAsync() => _client.ReadAsync();

    public bool IsFailure(Exception exception) => exception is PeerException || _client.IsFailure(exception);

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync().ConfigureAwait(false);
        _connecting.Dispose();
    }

    private async Task ReconnectAsync(IPeerClient lost)
    {
        await _connecting.WaitAsync().ConfigureAwait(false);
        try
        {
            if (!ReferenceEquals(_client, lost)) return;
            _client = await peer.ConnectAsync(CancellationToken.None).ConfigureAwait(false);
            await lost.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            _connecting.Release();
        }
    }
}
