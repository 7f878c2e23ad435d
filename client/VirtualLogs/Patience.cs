using System.Net.Sockets;
using Delos.Client.Loglets;
using Delos.Client.MetaStore;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;

namespace Delos.Client.VirtualLogs;

/// <summary>How long one operation goes on trying: doubling pauses up to a limit, and in the end an exception that says what was wrong last.</summary>
internal sealed class Patience(string what, TimeSpan limit, TimeProvider time)
{
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(20);

    private long? _begun = time.GetTimestamp();
    private TimeSpan _pause = s_first;

    /// <summary>Waits a little before the next attempt.</summary>
    /// <exception cref="DelosException">The limit has passed.</exception>
    public async ValueTask PauseAsync(Exception? problem, CancellationToken cancellationToken)
    {
        if (time.GetElapsedTime(_begun ??= time.GetTimestamp()) >= limit)
            throw new DelosException(CodeOf(problem), $"{what} did not succeed within {limit.TotalSeconds:0.#} s: {problem?.Message ?? "no successor of a sealed segment was installed"}", problem);
        await Task.Delay(_pause, time, cancellationToken).ConfigureAwait(false);
        _pause = _pause * 2 < s_longest ? _pause * 2 : s_longest;
    }

    /// <summary>What fails from now on is a new difficulty, with the whole time for it.</summary>
    public void Progressed() => (_begun, _pause) = (null, s_first);

    /// <summary>Whether trying again, with the chain read anew, makes sense. A Loglet that was closed under the caller's hands, because it left the chain, cancels what runs on it.</summary>
    public static bool IsWorthRetrying(Exception e, CancellationToken cancellationToken) => e switch
    {
        LogletException or MetaStoreUnavailableException or ConnectionLostException or DelosProtocolException or SocketException => true,
        DelosException d => d.IsTransient,
        OperationCanceledException or ObjectDisposedException => !cancellationToken.IsCancellationRequested,
        _ => false,
    };

    private static DelosErrorCode CodeOf(Exception? problem) => problem switch
    {
        LogletException { Code: StatusCode.Corrupt } => DelosErrorCode.Corrupt,
        LogletException { Code: StatusCode.DiskFull } => DelosErrorCode.DiskFull,
        DelosException d => d.Code,
        _ => DelosErrorCode.Unavailable,
    };
}
