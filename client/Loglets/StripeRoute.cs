using Delos.Protocol.Identity;

namespace Delos.Client.Loglets;

/// <summary>Where an append went.</summary>
/// <param name="Loglet">The striped one.</param>
/// <param name="Sequence">The append's: ops are used again for other appends.</param>
/// <param name="Stripe">Its index.</param>
internal readonly record struct StripeRoute(LogletId Loglet, ulong Sequence, int Stripe);
